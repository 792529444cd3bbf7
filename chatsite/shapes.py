"""The shape in which programs are told what is wrong, by the address that they asked (pure).

It is for what no view has come to, or no view has foreseen; what a view refuses is told there, in the same shape.
"""

from __future__ import annotations

from typing import Any

# Where OpenAI's clients ask: the site's own codes that have another name there, by status.
AT_V1 = {404: "unknown_url", 413: "request_too_large", 415: "unsupported_content_type"}
WITH_RECORDINGS = "/speech/transcription/"


def error_body(
    path: str, *, status: int, code: str, message: str, request_id: str
) -> dict[str, Any]:
    if path in {"/token", "/api"}:
        return {"message": message, "statu": False}
    error: dict[str, Any] = {"code": code, "message": message, "request_id": request_id}
    if path == WITH_RECORDINGS and status == 413:
        error["code"] = "audio_too_large"
    if path.startswith("/v1/"):
        error["code"] = AT_V1.get(status, code)
        error["type"] = "server_error" if status >= 500 else "invalid_request_error"
        error["param"] = None
    return {"error": error}
