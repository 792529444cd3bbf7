"""The rows of the product: fields, constraints, facts about one row. A file per noun."""

from .conversations import Completion, Conversation, Folder, Message, Tag
from .endpoints import ChatModel, Endpoint
from .presets import InstructionVersion, PresetVersion, RolePreset, Sampling
from .retention import ClockLook, SiteRetention
from .speech import SpokenPart

__all__ = [
    "ChatModel",
    "ClockLook",
    "Completion",
    "Conversation",
    "Endpoint",
    "Folder",
    "InstructionVersion",
    "Message",
    "PresetVersion",
    "RolePreset",
    "Sampling",
    "SiteRetention",
    "SpokenPart",
    "Tag",
]
