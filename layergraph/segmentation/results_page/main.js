// -- start

find("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
});
drawTotals();
drawClasses();
drawMatrix();
drawWorst();
drawImages();
document.documentElement.dataset.ready = ""; // for tests and for programs that print the page
