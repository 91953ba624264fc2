"""What Innwatch promises, as tests. A folder for each package; what runs the whole of it stands beside them."""
