"""What can go wrong between intake and search."""

from frostbyte.kernel.errors import FrostbyteError


class ParseError(FrostbyteError):
    """The file cannot be read as what it says it is; trying again gives the same."""

    code = "PARSE_FAILED"
    http_status = 422


class PolicyGateError(FrostbyteError):
    """A gate could not run. The document does not pass."""

    code = "POLICY_GATE_FAILED"
    http_status = 503
    retryable = True


class PolicyBlockedError(FrostbyteError):
    """A gate ran and holds the document back."""

    code = "POLICY_BLOCKED"
    http_status = 422


class EmbeddingError(FrostbyteError):
    """The embedding model failed or is not there."""

    code = "EMBEDDING_FAILED"
    http_status = 503
    retryable = True


class IndexWriteError(FrostbyteError):
    """A store refused the write; what was written is undone."""

    code = "INDEX_FAILED"
    http_status = 503
    retryable = True
