"""Forms that operators build: definitions, versions, validation of answers, points for answers, drawing."""
