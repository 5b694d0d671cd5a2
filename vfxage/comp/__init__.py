"""From the ager's steps back to plate pixels: steadied over time, matted, added to the plate."""
