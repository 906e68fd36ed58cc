"""HL7 FHIR: key data as a document Bundle, and a Bundle as a record to read."""
