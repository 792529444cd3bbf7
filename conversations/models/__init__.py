"""The rows of the product: fields, constraints, facts about one row. A file per noun."""

from .conversations import Completion, Conversation, Folder, Message, Tag
from .endpoints import ChatModel, Endpoint
from .presets import InstructionVersion, PresetVersion, RolePreset, Sampling
from .retention import SiteRetention

__all__ = [
    "ChatModel",
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
    "Tag",
]
