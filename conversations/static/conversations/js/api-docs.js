// Swagger UI gives no names to some of what one presses, and no way into code that scrolls to who has no mouse. It draws
// all of it whenever it likes.
const NAMES = { ".copy-to-clipboard > button": "Copy", ".close-modal": "Close" };
const main = document.getElementById("swagger-ui");

function mend() {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const button of main.querySelectorAll(selector)) button.ariaLabel = name;
  }
  for (const select of main.querySelectorAll("[data-param-name] select")) {
    select.ariaLabel = select.closest("[data-param-name]").dataset.paramName;
  }
  for (const code of main.querySelectorAll(".microlight")) code.tabIndex = 0;
}

new MutationObserver(mend).observe(main, { childList: true, subtree: true });
