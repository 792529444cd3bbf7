#!/usr/bin/env python3
"""The entry point of every command: `.venv/bin/python manage.py help`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        if "WEBSITE_HOSTNAME" in os.environ:  # Azure App Service
            way_on = (
                "Set SCM_DO_BUILD_DURING_DEPLOYMENT=true among the app settings, and deploy again."
            )
        else:
            way_on = "Run `make run` once, then .venv/bin/python manage.py …"
        sys.exit(f"Django is not installed here. {way_on}")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
