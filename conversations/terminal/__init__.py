"""`manage.py chat`: a conversation in the terminal, here or over the network."""
