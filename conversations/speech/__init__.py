"""Speech into text and text into speech: which model does it, asking it, what of an answer is spoken, the box's own."""
