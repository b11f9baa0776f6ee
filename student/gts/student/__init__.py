"""Students: the small models that are the product, their published form and the runtime that predicts with them."""
