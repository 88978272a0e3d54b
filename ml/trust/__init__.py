"""What a figure is worth: the checks of guide section 4, of the radiographs and of what is guessed from them."""
