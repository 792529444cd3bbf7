"""Speech into text and text into speech: which model does it, asking it, and the one in the box.

choice.py     which model
asking.py     one recording and its text; one text and its recording
local.py      the one in the box, as the site knows it; box.py: its process, with workers.py, codec.py, weights.py
sound.py      what a file of sound is, by its first bytes (pure)
speakable.py  an answer as sentences to be spoken (pure)
"""
