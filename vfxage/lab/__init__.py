"""The laboratory: portraits, the prototype's builder, training and evaluation. No render imports it."""
