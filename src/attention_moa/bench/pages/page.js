"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const places = [...document.querySelectorAll("[data-chart]")];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = (front, line) => ({ gridcolor: line, linecolor: line, tickcolor: line, color: front });
  const look = (layout) => {
    const front = colour("--front"), line = colour("--line");
    return {
      ...layout,
      font: { color: front, family: getComputedStyle(document.body).fontFamily, size: 12 },
      hoverlabel: { bgcolor: colour("--panel"), bordercolor: line, font: { color: front } },
      xaxis: { ...layout.xaxis, ...axis(front, line) },
      yaxis: { ...layout.yaxis, ...axis(front, line) },
    };
  };
  const draw = () => places.forEach((place) => {
    const chart = charts[Number(place.dataset.chart)];
    Plotly.react(place, chart.data, look(chart.layout), { responsive: true, displayModeBar: false });
  });
  if (places.length) {
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    matchMedia("print").addEventListener("change", draw);
    addEventListener("afterprint", draw);
  }

  for (const form of document.querySelectorAll(".filters")) {
    const rows = [...form.nextElementSibling.children];
    const count = form.querySelector("output");
    const value = (name) => form.elements[name] ? form.elements[name].value : "";
    const filter = () => {
      const words = value("words").toLowerCase().split(/\s+/).filter(Boolean), category = value("category"), flag = value("flag");
      let shown = 0;
      for (const row of rows) {
        const text = words.length ? row.textContent.toLowerCase() : "";
        const fits = (!category || row.dataset.category === category)
          && (!flag || row.dataset.flags.split(" ").includes(flag)) && words.every((word) => text.includes(word));
        row.hidden = !fits;
        shown += fits;
      }
      count.textContent = shown === rows.length ? `${rows.length} questions` : `${shown} of ${rows.length} questions`;
    };
    let waiting = 0;
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 150); });
    form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  }
})();
