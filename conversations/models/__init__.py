"""Endpoints, models, role presets, conversations, messages and completions: fields, constraints, facts about one row."""

from .conversations import Completion, Conversation, Message
from .endpoints import ChatModel, Endpoint
from .presets import InstructionVersion, RolePreset, Sampling

__all__ = [
    "ChatModel",
    "Completion",
    "Conversation",
    "Endpoint",
    "InstructionVersion",
    "Message",
    "RolePreset",
    "Sampling",
]
