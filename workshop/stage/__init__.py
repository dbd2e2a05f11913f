"""A performance of a track before an audience: its state, its pace, its recordings, who may see it."""
