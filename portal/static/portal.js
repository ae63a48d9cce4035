// Pages work without this file; it only moves focus to the error summary and opens printed details.
const errors = document.getElementById("errores");
if (errors) errors.focus();
