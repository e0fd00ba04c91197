"""Fails or not, as its event says. Recordings name the lines of the two errors."""


def handler(event, context):  # type: ignore[no-untyped-def]
    match event["statusCode"]:
        case "400":
            raise Exception("Error: Raising four hundred from within the Lambda function")
        case "500":
            raise Exception("Error: Raising five hundred from within the Lambda function")
    return "Pass"
