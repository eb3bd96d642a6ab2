"""The replay page: a run on the map of its city, minute by minute."""
