"""Who may do what: keys, tokens of an external issuer, tenants, scopes and limits."""

from service.auth.caller import Caller as Caller
from service.auth.caller import NotPermitted as NotPermitted
from service.auth.keys import Keys as Keys
from service.auth.keys import Unauthorized as Unauthorized
from service.auth.keys import pepper as pepper
