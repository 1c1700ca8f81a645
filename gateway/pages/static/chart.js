// Draws the month bars from the table beside them: one source of numbers, read from the exact values.
(() => {
  "use strict";
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const full = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

  function read(table) {
    const lines = [...table.tHead.querySelectorAll("th[data-line]")].map((th) => ({ line: th.dataset.line, name: th.textContent }));
    const months = [...table.tBodies[0].rows].map((row) => ({
      label: row.cells[0].firstChild.textContent.trim(),
      current: "current" in row.dataset,
      inPeriod: "inPeriod" in row.dataset,
      values: lines.map((_, i) => Number(row.cells[i + 1].querySelector("data")?.value ?? 0)),
    }));
    return { lines, months };
  }

  function draw(place) {
    const table = document.getElementById(place.dataset.chart);
    if (!table) return;
    const { lines, months } = read(table);
    const chart = echarts.getInstanceByDom(place) || echarts.init(place, null, { renderer: "svg" });
    const ink = colour("ink-3");
    chart.setOption({
      animation: !still.matches,
      animationDuration: 0,
      animationDurationUpdate: 500,
      aria: { enabled: false },
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 4, right: 4, top: 12, bottom: 2, containLabel: true },
      tooltip: {
        trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" }, backgroundColor: colour("card"),
        borderColor: colour("rule-strong"), textStyle: { color: colour("ink"), fontSize: 12 }, order: "seriesDesc",
        valueFormatter: (value) => full.format(value),
      },
      xAxis: {
        type: "category", data: months.map((m) => m.label), axisTick: { show: false }, axisLine: { lineStyle: { color: colour("rule-strong") } },
        axisLabel: { color: (_, i) => (months[i]?.inPeriod ? colour("ink") : ink), fontSize: 11, formatter: (text) => text.slice(0, 3) },
      },
      yAxis: { type: "value", axisLabel: { color: ink, fontSize: 11, formatter: (value) => short.format(value) }, splitLine: { lineStyle: { color: colour("rule") } } },
      series: lines.map(({ line, name }, i) => ({
        name, type: "bar", stack: "lines", barMaxWidth: 46, itemStyle: { color: colour(line) },
        data: months.map((m) => ({ value: m.values[i], itemStyle: { opacity: m.inPeriod ? 1 : 0.42 } })),
      })),
    });
    place.dataset.ready = "true";
  }

  const all = () => { for (const place of document.querySelectorAll("[data-chart]")) draw(place); };
  document.addEventListener("DOMContentLoaded", all);
  document.addEventListener("htmx:after:swap", all);
  dark.addEventListener("change", all);
  addEventListener("resize", () => {
    for (const place of document.querySelectorAll("[data-chart]")) echarts.getInstanceByDom(place)?.resize();
  });
})();
