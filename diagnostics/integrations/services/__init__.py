"""What is received from other systems, and what is sent to them."""
"""Services of what is exchanged with other systems."""
