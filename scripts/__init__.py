"""Tools of the workshop: pins, generated pages, pictures. Not part of the package and not shipped."""
