// A part of the page that comes with a stylesheet of its own, once somebody wants it.
import { getPage } from "../../chatsite/js/requests.js";

// The element that `selector` finds at that address, when its looks are there.
export async function getStyledPart(url, selector) {
  const page = await getPage(url);
  const style = document.adoptNode(page.querySelector("link"));
  const isStyled = new Promise((go) => {
    style.onload = style.onerror = go;
  });
  document.head.append(style);
  await isStyled;
  return document.adoptNode(page.querySelector(selector));
}
