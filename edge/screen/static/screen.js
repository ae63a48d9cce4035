// Refreshes counters and radio readings by itself. Every page works without this file.
"use strict";
(() => {
  const EVERY_MS = 3000;
  const WORDS = { unread: "Sin leer", radio: "Por radio", typed: "A mano", visited: "Visitado" };
  const by = document.querySelector("input[name=by]");
  const field = by && document.getElementById("m3");
  const radio = document.querySelector("[data-radio]");
  let ticked = false;

  if (document.querySelector(".warning") && navigator.vibrate) navigator.vibrate([200, 100, 200]);
  if (field) {
    field.addEventListener("input", () => { by.value = ""; });
    const end = field.value.length;
    field.setSelectionRange(end, end);
  }

  function text(element, words) {
    if (element && element.textContent !== words) element.textContent = words;
  }

  function showHead(now) {
    for (const name of ["saved", "pending"]) text(document.querySelector(`[data-live=${name}]`), String(now[name]));
    const broker = document.querySelector("[data-live=broker]");
    if (!broker) return;
    broker.dataset.broker = now.broker;
    text(broker, now.broker === "up" ? "Con central" : "Sin central");
  }

  function showStops(stops) {
    for (const item of document.querySelectorAll("[data-stop]")) {
      const [state, index] = stops[item.dataset.stop] || [];
      if (!state || item.classList.contains(state)) continue;
      item.className = `stop ${state}`;
      text(item.querySelector(".state"), WORDS[state]);
      text(item.querySelector(".index"), index ? `${index} m³` : "");
    }
  }

  // A reading heard while the page is open fills an empty field; what the reader has typed is never touched.
  function showRadio(stops) {
    if (!radio) return;
    const [state, index] = stops[radio.dataset.radio] || [];
    if (state !== "radio") return;
    text(radio.querySelector("[data-radio-index]"), index);
    if (radio.hidden && !ticked) {
      ticked = true;
      if (navigator.vibrate) navigator.vibrate(60);
    }
    radio.hidden = false;
    if (field && (field.value === "" || by.value === "radio")) {
      field.value = index.replace(/\s/g, "");
      by.value = "radio";
    }
  }

  async function refresh() {
    try {
      const answer = await fetch("/ruta/estado", { credentials: "same-origin" });
      if (answer.redirected || !answer.ok) return;
      const now = await answer.json();
      showHead(now);
      showStops(now.stops);
      showRadio(now.stops);
    } catch {
      // The agent is starting again; the next round finds it.
    }
  }

  // Where the device stands goes with an order; without leave, or without a receiver, the order goes without it.
  const placed = document.querySelector("form[data-place]");
  if (placed && navigator.geolocation) {
    navigator.geolocation.getCurrentPosition((at) => {
      placed.elements.lat_e7.value = String(Math.round(at.coords.latitude * 1e7));
      placed.elements.lon_e7.value = String(Math.round(at.coords.longitude * 1e7));
    }, () => {}, { enableHighAccuracy: true, maximumAge: 60000 });
  }

  if (document.querySelector("[data-live]")) {
    refresh();
    setInterval(refresh, EVERY_MS);
  }
})();
