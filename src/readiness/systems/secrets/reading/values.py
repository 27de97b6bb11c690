"""Whether a value that stands where a secret would is one: no placeholder, reference, hash or word.

Wrong both ways costs: a false alarm is switched off, a missed password is found by somebody else.
"""

import re
from typing import Final

from readiness.evidence.redaction.tokens import looks_random

LEAST: Final = 2
"""Characters. One alone is a flag or the mark of a column (`x`, `*`)."""
LEAST_OF_WORD: Final = 6
"""Of what stands behind `secret`."""
LEAST_OF_WEAK: Final = 8
"""Of a token or key: their names also stand before names of things, which are shorter."""
MOST_WORDS: Final = 3
"""A setting whose value has more is a sentence about passwords."""

_NO_VALUE: Final = re.compile(
    r"""(?ix)
    [\W_]*                                             # nothing, *****, ---
    | (.)\1{2,}                                        # xxxxx, 00000
    | true|false|yes|no|on|off|none|null|nil|undefined|n/?a|unset|empty
    | debug|info|warn|warning|error|trace|fatal|missing|invalid|incorrect|wrong|expired|hidden
    | redacted|masked
    | ask|prompt|interactive|required|requisite|optional|sufficient|default|always|never
    | (?:files|systemd|compat|sss|ldap|winbind|db|nis|altfiles|\[\S*\]|\s)+  # nsswitch.conf(5)
    | (?:pass:)?insta                                  # openssl.cnf, its example of an authority
    | string|text|str|bytes|password|passwd|md5|scram-sha-256|peer|trust|ident|plain|crypt
    """
)
# Stands for what comes from elsewhere: a variable, a template, a vault, a cipher text.
_ELSEWHERE: Final = re.compile(
    r"""(?ix)
    .*(?: \$\{ | \$\( | \{\{ | %\( | %\{ | <%= | `  ) .*
    | \$ [A-Za-z_@*#?0-9] .*
    | % [a-zA-Z%] [^\w]* | :[a-z_]\w*
    | < [^<>]* >? | \[ [^\]]* \] | @ [\w.-]+ @ | __ \w+ __
    | ENC \( .* | \{cipher\} .* | !vault.* | \$ANSIBLE_VAULT.*
    | (?:hash|texthash|lmdb|btree|cdb|proxy|ldap|mysql|pgsql|sqlite|regexp|pcre|static|inline) : .*
    | (?:vault|env|file|secret|op|sm|ssm|kms|awskms|gcpkms|azurekms|keyring|sops|base64env) : .*
    | (?:var|local|data|module|secrets|vars|settings|config|process\.env|os\.environ) \. .*
    | (?:ENV|process\.env|os\.environ) (?:\[ .* )?
    | arn:aws: .* | projects/ .* /secrets/ .*
    | [\w.]+ \( .*                                      # a call of a program's language
    """
)
_HASH: Final = re.compile(
    r"""(?x)
    \$ (?: 1|2[abxy]?|5|6|7|y|gy|argon2\w*|scrypt|pbkdf2[\w-]*|apr1 ) \$ .*
    | SCRAM-SHA-(?:1|256)\$ .* | md5 [0-9a-f]{32}
    | (?: pbkdf2|argon2|bcrypt|scrypt|sha\d*|md5 ) [\w]* [$:] .*
    | (?i: \{ (?: S?SHA\d*|SMD5|MD5|CRYPT|BCRYPT|ARGON2\w*|PBKDF2[\w-]*|SCRYPT ) \} .* )
    | sha (?:256|384|512) - .*
    """
)
_PATH: Final = re.compile(
    r"(?:[<@]?~?\.{0,2}/[\w.@+-]+(?:/[\w.@+-]*)*"
    r"|[\w.@+/-]+\.(?:pem|key|crt|cer|jks|p12|pfx|keytab|txt|conf|ya?ml|json|properties|env|pass"
    r"|password|pgpass|secret|sock|db|gpg|asc|service|socket|target|so|py|js|html?))"
)
_ADDRESS: Final = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^@\s]*")
_PLACEHOLDER: Final = re.compile(
    r"""(?ix)
    change[_ -]?(?:me|it|this)[\w-]*\W* | to[_ -]?do | fix[_ -]?me | replace[_ -]?\w*
    | (?: your|my|some|the|a|db|user|admin|root|new|old|secret|super )* [_ -]*
      (?: password|passwd|pass|secret|token|key|pwd ) s? [_ -]? \d{0,3} (?: (?:goes[_ -])?here )?
    | (?: insert|enter|put|set|fill|type ) [_ -] .*
    | .* (?: example|placeholder|dummy|sample ) .*
    | foo\d* | bar\d* | foobar\d* | baz | foobared | test\d* | s3cret | p[a@]ssw0rd
    """
)
_EXAMPLE: Final = re.compile(r"(?i).*(?:EXAMPLE|PLACEHOLDER|YOUR[_-]|<your|XXXX).*")
_DIGIT: Final = re.compile(r"\d")


def stands_for_nothing(value: str) -> bool:
    """Whether it is no value of its own: empty, a mark, a reference, a template, a hash."""
    return any(
        one.fullmatch(value) for one in (_NO_VALUE, _ELSEWHERE, _HASH, _PATH, _ADDRESS)
    ) or bool(_EXAMPLE.fullmatch(value))


def is_password(value: str, *, comment: bool = False) -> bool:
    """Whether a value behind a password's name is one.

    In a comment examples abound: there it has to look chosen, with a digit, and be no example.
    """
    if len(value) < LEAST or stands_for_nothing(value):
        return False
    if not comment:
        return True
    return bool(_DIGIT.search(value)) and " " not in value and not _PLACEHOLDER.fullmatch(value)


def is_key(value: str) -> bool:
    """Whether a value behind the name of a key, a token or a secret is one and not its name."""
    if len(value) < LEAST_OF_WEAK or " " in value or stands_for_nothing(value):
        return False
    return bool(_DIGIT.search(value) or looks_random(value)) and not value.isdigit()


def is_secret_word(value: str) -> bool:
    """Whether a value behind the word `secret` is one: people choose those as passwords.

    A name with separators and without a digit is the name of a secret kept elsewhere.
    """
    if len(value) < LEAST_OF_WORD or " " in value or stands_for_nothing(value):
        return False
    return bool(_DIGIT.search(value)) or not re.search(r"[._/-]", value)
