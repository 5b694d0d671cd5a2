"""A face made younger: valleys of shading filled, fine lines ironed, hair coloured, skin lifted."""
