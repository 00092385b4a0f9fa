"""What goes wrong between a SuperLink and whoever asks it something, in one line with the remedy."""

import httpx
from flwr.supercore.error import ApiErrorCode, FlowerError

# Answers of a SuperLink, or of what stands before it, that is away for a moment.
PASSING = (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT)


def is_of_key(error: BaseException) -> bool:
    """Whether it is the key that is refused, which trying again does not mend."""
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code == httpx.codes.UNAUTHORIZED


def is_of_tls(error: BaseException) -> bool:
    """Whether it is the certificate that is wrong, which trying again does not mend."""
    return any(word in str(error).lower() for word in ("certificate", "ssl", "tls"))


def refusal(address: str, error: BaseException) -> str:
    """One line for what went wrong between here and a SuperLink."""
    if isinstance(error, httpx.HTTPStatusError):
        code, said = error.response.status_code, " ".join(error.response.text.split())[:200]
        if is_of_key(error):
            return f"{address} does not know this key: have the server register it, or take the key that it gave"
        if (
            told := FlowerError.from_json(error.response.text)
        ) and told.code == ApiErrorCode.FLEET_NODE_ACTIVATION_FAILED:
            return f"{address} does not take this key: the server has not registered it, or a node uses it just now"
        if code == httpx.codes.FORBIDDEN:
            return f"{address} refuses this request: it is the gate of owners, not the SuperLink itself"
        return f"{address} answers {code} ({said})"
    if is_of_tls(error):
        return f"{address} does not show a certificate of this federation ({error}): take its ca.crt, and its address"
    return f"{address} does not answer ({error}): see that it runs, and that name, port and firewall are right"
