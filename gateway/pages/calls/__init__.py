"""The call: the number of a period, what people say of it, what is reached of it."""
