"""What can go wrong between a question and a model server."""

from tools.errors import ConsiliaError


class InvalidPool(ConsiliaError):
    """The pool of the configuration cannot be used as it stands; the message names entry and remedy."""

    code = "invalid_pool"
    status = 500


class UnknownPoolModel(ConsiliaError):
    """The pool has no model or endpoint of that name."""

    code = "unknown_pool_model"
    status = 404


class ModelBusy(ConsiliaError):
    """Every endpoint of the model is full, and so is the queue, or the wait was too long."""

    code = "model_busy"
    status = 429


class ModelFull(ModelBusy):
    """The model is full for longer than the policy waits, and another that can answer has room: ask that one."""


class ModelLost(ConsiliaError):
    """The model's endpoints were asked and lost, as often as the limits allow."""

    code = "model_lost"
    status = 503


class ModelFailed(ModelLost):
    """Servers that are well each answered this request with an error: the request may be what is wrong with it."""

    code = "model_failed"
    status = 502


class RequestRefused(ConsiliaError):
    """A model server says that the request itself is at fault; it is not asked again."""

    code = "model_request_refused"
    status = 422


class ContextExceeded(RequestRefused):
    """The request is longer than the server's context."""

    code = "context_exceeded"


class AnswerLost(ConsiliaError):
    """An endpoint died after a part of its answer had been passed on, and another's answer reads differently."""

    code = "answer_lost"
    status = 502
