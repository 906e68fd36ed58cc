"""What can be wrong with a document: each fault a `ConsiliaError` with a stable code and a 4xx status."""

from tools.errors import ConsiliaError


class EmptyDocument(ConsiliaError):
    """No bytes, or no text in them."""

    code = "empty_document"
    status = 422


class EncryptedDocument(ConsiliaError):
    """A Word document with a password."""

    code = "encrypted_document"
    status = 422


class EncryptedPdf(ConsiliaError):
    """A PDF that needs a password to open, or is locked in a way the parser cannot undo."""

    code = "encrypted_pdf"
    status = 422


class CorruptDocument(ConsiliaError):
    """The type is clear, but the file is damaged or cut off."""

    code = "corrupt_document"
    status = 422


class ScannedPdf(ConsiliaError):
    """Pages are pictures; there is no text to read."""

    code = "scanned_pdf"
    status = 422


class ZipBomb(ConsiliaError):
    """A DOCX that would unpack into far more than a document holds."""

    code = "zip_bomb"
    status = 422


class ExternalEntities(ConsiliaError):
    """A DOCX part with a document type definition; Word writes none, attackers do."""

    code = "external_entities"
    status = 422


class TooManyPages(ConsiliaError):
    code = "too_many_pages"
    status = 413


class DocumentTooLarge(ConsiliaError):
    """More bytes or more characters than allowed."""

    code = "document_too_large"
    status = 413


class TypeMismatch(ConsiliaError):
    """The name says one type, the content is another."""

    code = "type_mismatch"
    status = 415


class UnsupportedDocumentType(ConsiliaError):
    code = "unsupported_document_type"
    status = 415


class MacroDocument(UnsupportedDocumentType):
    """A Word document with macros."""

    code = "macro_document"


class UndecodableText(ConsiliaError):
    """A text file in no encoding that is read here."""

    code = "undecodable_text"
    status = 422


class InvalidToml(ConsiliaError):
    """A TOML file that is none."""

    code = "invalid_toml"
    status = 422


class ParserTimeout(ConsiliaError):
    code = "parser_timeout"
    status = 422


class ParserMemory(ConsiliaError):
    code = "parser_memory"
    status = 422


class ParserCrash(ConsiliaError):
    """The parser's process died; only that process."""

    code = "parser_crash"
    status = 422
