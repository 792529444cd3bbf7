"""Speech into text and text into speech: which model does it, asking it, and the one in the box.

choice.py     which model
asking.py     one recording and its text; one text and its recording
sound.py      what a file of sound is, by its first bytes (pure)
speakable.py  an answer as sentences to be spoken (pure)
"""
