// The cursor of a chart drawn on the server: values under it, by mouse, finger or arrow keys; a drag
// chooses a span. The drawing is fetched again for the width that there is.
const NS = "http://www.w3.org/2000/svg";
const LEAST = 6; // px that make a drag

function shape(tag, css, svg) {
  const made = document.createElementNS(NS, tag);
  made.setAttribute("class", css);
  svg.append(made);
  return made;
}

function nearest(points, at) {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < at) low = middle + 1;
    else high = middle;
  }
  const before = points[low - 1];
  return before && at - before[0] < points[low][0] - at ? low - 1 : low;
}

export class Cursor {
  constructor(plot, chosen) {
    this.plot = plot;
    this.chosen = chosen;
    this.svg = plot.querySelector("svg");
    this.data = JSON.parse(plot.dataset.readings);
    this.words = document.documentElement.lang;
    this.zone = document.documentElement.dataset.zone;
    this.readout = plot.parentElement.querySelector("[data-readout]");
    this.rest = this.readout.textContent;
    this.times = [...new Set(this.data.series.flatMap((series) => series.points.map((point) => point[0])))].sort((a, b) => a - b);
    this.at = null;
    plot.addEventListener("pointermove", (event) => this.move(event));
    plot.addEventListener("pointerleave", () => this.dragging === undefined && this.show(null));
    plot.addEventListener("pointerdown", (event) => this.begin(event));
    plot.addEventListener("pointerup", (event) => this.end(event));
    plot.addEventListener("pointercancel", () => this.stop());
    plot.addEventListener("keydown", (event) => this.key(event));
    plot.addEventListener("blur", () => this.show(null));
  }

  scale() {
    const box = this.svg.getBoundingClientRect();
    return { box, by: this.svg.viewBox.baseVal.width / box.width };
  }

  time(event) {
    const { box, by } = this.scale();
    const { left, right, first, last } = this.data;
    const x = Math.min(right, Math.max(left, (event.clientX - box.left) * by));
    return first + ((x - left) / (right - left)) * (last - first);
  }

  x(at) {
    const { left, right, first, last } = this.data;
    return left + ((at - first) / (last - first)) * (right - left);
  }

  move(event) {
    const at = this.time(event);
    if (this.dragging !== undefined) this.mark(this.dragging, at);
    this.show(at);
  }

  begin(event) {
    if (event.button !== 0 || event.pointerType === "touch") return;
    this.dragging = this.time(event);
    this.from = event.clientX;
    this.plot.setPointerCapture(event.pointerId);
  }

  end(event) {
    if (this.dragging === undefined) return;
    const [first, last] = [this.dragging, this.time(event)].sort((a, b) => a - b);
    const far = Math.abs(event.clientX - this.from) >= LEAST;
    this.stop(far);
    if (far) this.chosen(first, last);
  }

  stop(keep = false) {
    this.dragging = undefined;
    if (!keep) this.box?.remove();
    if (!keep) this.box = undefined;
  }

  mark(a, b) {
    this.box ??= shape("rect", "chosen", this.svg);
    const [left, right] = [this.x(Math.min(a, b)), this.x(Math.max(a, b))];
    for (const [name, value] of Object.entries({ x: left, y: this.data.top, width: Math.max(right - left, 1), height: this.data.bottom - this.data.top })) this.box.setAttribute(name, value);
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24 }[event.key];
    if (event.key === "Home" || event.key === "End") this.show(this.times.at(event.key === "Home" ? 0 : -1));
    else if (step && this.times.length) {
      const here = this.at === null ? this.times.length - 1 - Math.sign(step) : nearest(this.times.map((at) => [at]), this.at);
      this.show(this.times[Math.min(this.times.length - 1, Math.max(0, here + step))]);
    } else return;
    event.preventDefault();
  }

  show(at) {
    this.at = at ?? null;
    if (at === null || at === undefined) {
      this.line?.remove();
      this.line = undefined;
      this.readout.textContent = this.rest;
      return;
    }
    this.line ??= shape("path", "cursor", this.svg);
    this.line.setAttribute("d", `M${this.x(at).toFixed(1)} ${this.data.top}V${this.data.bottom}`);
    this.readout.replaceChildren(...this.describe(at));
  }

  *describe(at) {
    const time = document.createElement("span");
    time.append(document.createElement("b"));
    time.firstChild.textContent = new Intl.DateTimeFormat(this.words, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: this.zone }).format(at * 1000);
    yield time;
    for (const series of this.data.series) {
      const value = this.value(series, at);
      if (value === null) continue;
      const line = document.createElement("span");
      const figure = document.createElement("b");
      figure.textContent = series.codes[value] ?? new Intl.NumberFormat(this.words, { minimumFractionDigits: series.digits, maximumFractionDigits: series.digits }).format(value);
      line.append(`${series.label} `, figure, series.unit ? `\u00a0${series.unit}` : "");
      yield line;
    }
  }

  value(series, at) {
    if (!series.points.length) return null;
    const [time, value] = series.points[nearest(series.points, at)];
    return series.hold && Math.abs(time - at) > series.hold ? null : value;
  }
}
