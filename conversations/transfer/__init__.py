"""What a person takes along: everything of theirs as one archive, each format in a file of its own."""
