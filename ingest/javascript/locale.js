// toLocaleString as a server set to English and UTC writes it; and in French, German and British
// English where a script asks for that. The zones are those of the European Union's clocks.
(function (scope) {
  "use strict";
  var SEPARATORS = { en: [",", "."], fr: ["\u202f", ","], de: [".", ","], "de-CH": ["'", "."] };
  var DATE_ORDER = { en: ["month", "/", "day", "/", "year"], "en-GB": ["day", "/", "month", "/", "year"],
    fr: ["day", "/", "month", "/", "year"], de: ["day", ".", "month", ".", "year"] };
  var HOURS_FROM_UTC = { London: 0, Lisbon: 0, Paris: 1, Brussels: 1, Amsterdam: 1, Berlin: 1, Zurich: 1,
    Madrid: 1, Rome: 1, Vienna: 1, Prague: 1, Warsaw: 1, Stockholm: 1, Oslo: 1, Athens: 2, Helsinki: 2 };

  function entry(table, locale) {
    var name = String(Array.isArray(locale) ? locale[0] : locale || "en");
    return table[name] || table[name.slice(0, 2)] || table.en;
  }

  function written(value, locale, options) {
    options = options || {};
    if (!isFinite(value)) return isNaN(value) ? "NaN" : value < 0 ? "-\u221e" : "\u221e";
    var percent = options.style === "percent";
    var least = options.minimumFractionDigits || 0;
    var most = options.maximumFractionDigits;
    if (most === undefined) most = Math.max(least, percent ? 0 : 3);
    var marks = entry(SEPARATORS, locale), size = Math.abs(Number(value)) * (percent ? 100 : 1);
    var parts = rounded(size, most).split("."), fraction = parts[1] || "";
    while (fraction.length > least && fraction[fraction.length - 1] === "0") fraction = fraction.slice(0, -1);
    var whole = parts[0];
    if (options.useGrouping !== false) whole = whole.replace(/\B(?=(\d{3})+$)/g, marks[0]);
    return (value < 0 || Object.is(value, -0) ? "-" : "") + whole + (fraction ? marks[1] + fraction : "") +
      (percent ? "%" : "");
  }

  // Halves are rounded up as they are written, which toFixed does as they are stored (1.005).
  function rounded(size, digits) {
    if (size >= 1e21) return BigInt(size).toString();
    var plain = String(size), parts = plain.split(".");
    if (!parts[1] && size >= 1) return digits ? plain + "." + "0".repeat(digits) : plain;
    if (plain.indexOf("e") >= 0 || !parts[1] || parts[1].length <= digits) return size.toFixed(digits);
    var kept = BigInt(parts[0] + parts[1].slice(0, digits)) + (parts[1][digits] >= "5" ? 1n : 0n);
    var text = kept.toString().padStart(digits + 1, "0");
    return digits ? text.slice(0, -digits) + "." + text.slice(-digits) : text;
  }

  function summer(year, month) { // the last Sunday of a month, 01:00 UTC
    var last = new Date(Date.UTC(year, month + 1, 0, 1));
    return last.getTime() - last.getUTCDay() * 86400000;
  }

  function shifted(date, zone) {
    var city = /^Europe\/(\w+)$/.exec(zone || "UTC"), millis = date.getTime();
    if (!city || !(city[1] in HOURS_FROM_UTC)) {
      if (/^(UTC|GMT|Etc\/(UTC|GMT))?$/i.test(zone || "")) return date;
      throw new RangeError("Invalid time zone specified: " + zone + " (known here: UTC, Europe/…)");
    }
    var year = date.getUTCFullYear(), isSummer = millis >= summer(year, 2) && millis < summer(year, 9);
    return new Date(millis + (HOURS_FROM_UTC[city[1]] + (isSummer ? 1 : 0)) * 3600000);
  }

  function two(number) { return String(number).padStart(2, "0"); }

  function dateText(local, locale, options, given) {
    var order = entry(DATE_ORDER, locale);
    var padded = order !== DATE_ORDER.en && order !== DATE_ORDER.de;
    var values = { year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate() };
    var pieces = [];
    order.forEach(function (part, place) {
      if (place % 2 || (given && !options[part])) return;
      var wide = options[part] ? options[part] === "2-digit" : padded && part !== "year";
      var text = wide ? two(values[part] % 100) : String(values[part]);
      pieces.push(pieces.length ? order[1] + text : text);
    });
    return pieces.join("");
  }

  function timeText(local, locale, options, given) {
    var english = entry(DATE_ORDER, locale) === DATE_ORDER.en;
    var twelve = options.hour12 === undefined ? english : options.hour12;
    var hour = local.getUTCHours(), pieces = [];
    if (!given || options.hour) {
      var shown = twelve ? hour % 12 || 12 : english ? hour || 24 : hour; // midnight is 24 there
      pieces.push(!twelve || options.hour === "2-digit" ? two(shown) : String(shown));
    }
    if (!given || options.minute) pieces.push(two(local.getUTCMinutes()));
    if (!given || options.second) pieces.push(two(local.getUTCSeconds()));
    return pieces.join(":") + (twelve && (!given || options.hour) ? (hour < 12 ? " AM" : " PM") : "");
  }

  function moment(kinds) {
    return function (locale, options) {
      if (isNaN(this.getTime())) return "Invalid Date";
      options = options || {};
      var local = shifted(this, options.timeZone);
      var dateGiven = options.year || options.month || options.day;
      var timeGiven = options.hour || options.minute || options.second;
      var isAny = kinds.date && kinds.time, given = dateGiven || timeGiven, parts = [];
      if (dateGiven || kinds.date && !(isAny && given)) {
        parts.push(dateText(local, locale, options, dateGiven));
      }
      if (timeGiven || kinds.time && !(isAny && given)) {
        parts.push(timeText(local, locale, options, timeGiven));
      }
      var comma = String(locale || "en").slice(0, 2) === "fr" ? " " : ", ";
      return parts.join(comma);
    };
  }

  var of = Date.prototype;
  of.toLocaleString = moment({ date: true, time: true });
  of.toLocaleDateString = moment({ date: true });
  of.toLocaleTimeString = moment({ time: true });
  Number.prototype.toLocaleString = function (locale, options) {
    return written(Number(this), locale, options);
  };
})(globalThis);
