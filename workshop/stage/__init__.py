"""A performance of a track in front of an audience: its state, its pace, its recordings, and who may see it."""
