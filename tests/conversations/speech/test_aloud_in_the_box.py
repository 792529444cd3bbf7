"""An answer read aloud by the voice in the box, and heard again by the recogniser in the box: through the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.browser.people import ADMINISTRATOR, Person
from tests.processes import Site

pytestmark = pytest.mark.processes

ANSWER = """## Green tea

Pour the water **slowly**. See [the library](https://example.org/tea) for more.

```python
print("nobody says this")
```

他只说中文，不说英文。
"""
MADE = """
from accounts.models import User
from conversations.models import Conversation, Message
owner = User.objects.get(username={name!r})
chat = Conversation.objects.create(owner=owner, title="Tea")
asked = Message.objects.create(conversation=chat, owner=owner, role="user", content="Tea?")
answer = Message.objects.create(conversation=chat, owner=owner, role="assistant", parent=asked, content={content!r})
print(answer.pk)
"""
LEDGER = """
import json
from accounts.models import UsageRecord
rows = UsageRecord.objects.filter(service="speech", user__username={name!r})
print(json.dumps([*rows.order_by("recorded_at").values_list("model_name", "outcome", "requests")]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("aloud"), **ADMINISTRATOR, LOCAL_SPEECH="on") as running:
        yield running.wait_until_ready(with_models=False)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def test_what_is_read_aloud_is_heard(site: Site) -> None:
    person = Person(site)
    message = site.run(MADE.format(name=person.name, content=ANSWER)).strip()
    with person.visitor() as visitor:
        visitor.http.get("/")
        spoken = visitor.http.get(f"/messages/{message}/speech/").json()
        texts = [part["text"] for part in spoken["parts"]]
        assert texts == [
            "Green tea.",
            "Pour the water slowly.",
            "See the library for more.",
            "Code example in Python.",
            "他只说中文，不说英文。",
        ]
        assert spoken["voices"] == {"en": []}  # Chinese is the browser's
        for index in (1, 2):
            sound = visitor.http.get(f"/messages/{message}/speech/{index}/", timeout=120)
            assert sound.headers["Content-Type"] == "audio/mpeg"
            heard = visitor.http.post(
                "/speech/transcription/",
                files={"audio": ("a.mp3", sound.content)},
                data={"language": "en"},
                headers={
                    "X-CSRFToken": visitor.http.cookies["csrftoken"],
                    "Accept": "application/json",
                },
                timeout=120,
            )
            assert words(heard.json()["text"]) == words(texts[index])
        refused = visitor.http.get(f"/messages/{message}/speech/4/")
        assert refused.status_code == 409
        assert refused.json()["error"]["message"] == "This site has no voice for that language."
    assert json.loads(site.run(LEDGER.format(name=person.name))) == [
        ["hibari-tts", "complete", 1],
        ["hibari-tts", "complete", 0],
    ]
