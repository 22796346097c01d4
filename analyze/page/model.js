"use strict";

// The network as data: layers, their connections, blocks of layers, findings. Nothing here touches the page.

function readModel(data) {
  const layers = data.layers.map((layer, index) => ({
    ...layer, index, incoming: [], outgoing: [], issues: [], related: [], block: null,
  }));
  for (const [source, sourcePort, target, targetPort, flows] of data.links) {
    const link = { source, sourcePort, target, targetPort, flows: flows === 1 };
    layers[source].outgoing.push(link);
    layers[target].incoming.push(link);
  }
  const blocks = data.blocks.map((block, index) => ({ ...block, index }));
  for (const block of blocks) for (const index of block.layers) layers[index].block = block;
  const issues = data.issues.map((issue, index) => ({ ...issue, index }));
  for (const issue of issues) {
    if (issue.layer !== null) layers[issue.layer].issues.push(issue);
    for (const index of new Set(issue.others)) if (index !== issue.layer) layers[index].related.push(issue);
  }
  const byName = new Map();
  for (const layer of layers) if (!byName.has(layer.name)) byName.set(layer.name, layer.index);
  const typeCounts = new Map();
  for (const layer of layers) typeCounts.set(layer.type, (typeCounts.get(layer.type) ?? 0) + 1);
  const types = [...typeCounts].sort((a, b) => a[0].localeCompare(b[0]));
  return { ...data, layers, blocks, issues, byName, types };
}

const SEVERITIES = ["error", "warning", "note"];

// The most severe of these findings; an empty text if there are none.
function worstSeverity(issues) {
  return SEVERITIES.find((severity) => issues.some((issue) => issue.severity === severity)) ?? "";
}

function issuesOf(model, layerIndexes) {
  const issues = new Set();
  for (const index of layerIndexes) for (const issue of model.layers[index].issues) issues.add(issue);
  return [...issues].sort((a, b) => a.index - b.index);
}

// 7697605 as 7.7M, by the rule of `short_count` in Python.
function shortCount(count) {
  if (count < 1000) return String(count);
  for (const [power, letter] of [[12, "T"], [9, "G"], [6, "M"], [3, "k"]]) {
    if (count >= 0.99995 * 10 ** power) return oneDecimal(count / 10 ** power) + letter;
  }
}

// 1536 as 1.5 KiB, by the rule of `byte_count` in Python.
function shortBytes(count) {
  for (const [power, unit] of [[3, "GiB"], [2, "MiB"], [1, "KiB"]]) {
    if (count >= 1024 ** power) return `${oneDecimal(count / 1024 ** power)} ${unit}`;
  }
  return `${count} B`;
}

// At most one decimal, as Python rounds: a tie such as 1.25 to the even digit. toFixed rounds it up.
function oneDecimal(number) {
  return (number % 1 === 0.25 ? number - 0.05 : number).toFixed(1).replace(/\.0$/, "");
}

const numberFormat = new Intl.NumberFormat("en");

// A test whether a layer matches all words of a filter. A word with * or ? is a pattern for the whole name; any
// other word is a part of the name, the type, the description or the size.
function matcher(words) {
  const tests = words.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    if (!/[*?]/.test(word)) return (layer) => searchText(layer).includes(word);
    const pattern = word.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*").replace(/\?/g, ".");
    const whole = new RegExp(`^${pattern}$`, "s");
    return (layer) => whole.test(layer.name.toLowerCase());
  });
  return (layer) => tests.every((test) => test(layer));
}

function searchText(layer) {
  layer.text ??= `${layer.name}\n${layer.type}\n${layer.description}\n${layer.size}`.toLowerCase();
  return layer.text;
}

// An element with attributes and children; texts become text nodes, never markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
}
