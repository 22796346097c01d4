// -- the worst images, with layers to switch

const LAYERS = ["Image", "Truth", "Predicted", "Errors"];

function drawWorst() {
  find("worst-section").hidden = !data.worst.length;
  const figures = data.worst.map(figure);
  const showAll = (word) => {
    for (const made of figures) made.show(word);
  };
  find("worst").append(...figures.map((made) => made.box));
  choice(find("layers"), "layers", LAYERS, "Predicted", showAll);
  showAll("Predicted");
  const opacity = find("opacity");
  const setOpacity = () => find("worst").style.setProperty("--opacity", opacity.value / 100);
  opacity.addEventListener("input", setOpacity);
  setOpacity();
  const present = new Set(data.worst.flatMap((image) => image.classes));
  find("legend").append(...[...data.classes.keys()].filter((index) => present.has(index)).map((index) => withParts(element("li"), swatch(index), element("bdi", data.classes[index]))));
}

function figure(image, number) {
  const stack = element("div", undefined, image.image === null ? "stack bare" : "stack");
  // without a picture, nothing but the layer would give the stack its shape
  stack.style.setProperty("aspect-ratio", `${image.width} / ${image.height}`);
  const layer = picture(image, image.predicted);
  layer.classList.add("layer");
  stack.append(...(image.image === null ? [] : [picture(image, image.image)]), layer);
  const controls = element("div", undefined, "choice");
  const show = (word) => {
    layer.hidden = word === "Image";
    if (word !== "Image") layer.src = image[word.toLowerCase()];
    layer.alt = word === "Image" ? "" : `${word} of ${image.name}`;
    stack.dataset.layer = word;
    for (const input of controls.querySelectorAll("input")) input.checked = input.value === word;
  };
  choice(controls, `layer-${number}`, LAYERS, "Predicted", show);
  const caption = withParts(element("figcaption"), element("bdi", image.name), element("span", `mean IoU ${score(image.iou)}`, "quiet"), controls);
  return { box: withParts(element("figure"), stack, caption), show };
}

function picture(image, source) {
  const made = element("img", undefined, image.width < 400 ? "small" : "");
  [made.src, made.width, made.height, made.alt] = [source, image.width, image.height, image.name];
  return made;
}
