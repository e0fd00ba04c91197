"""The data plane of REST APIs, one step a file, in the words of API Gateway's guide."""
