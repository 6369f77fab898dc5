"""Programs made from programs, and what may be asked of a primitive that holds some."""
