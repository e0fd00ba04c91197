"""The data plane of REST APIs: a file per step, in the words of API Gateway's guide."""
