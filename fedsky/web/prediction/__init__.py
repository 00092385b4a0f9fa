"""What a model says of an uploaded photograph: is it a sky at all, sunny or cloudy, and what did the model look at."""
