"use strict";
const token = new URLSearchParams(location.hash.slice(1)).get("token");
fetch("/api/studies", { headers: { Authorization: `Bearer ${token}` } })
  .then((answer) => answer.text())
  .then((text) => { document.getElementById("studies").textContent = text; });
