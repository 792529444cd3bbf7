// What a person thinks of an answer: two buttons, of which at most one is pressed. Pressing it again takes it back.
import { post } from "../../chatsite/js/requests.js";

export async function giveFeedback(button) {
  const { value } = await post(button.formAction, { value: button.value });
  for (const each of button.parentElement.querySelectorAll("[data-feedback]")) {
    const isPressed = each.dataset.feedback === value;
    each.setAttribute("aria-pressed", isPressed);
    each.value = isPressed ? "" : each.dataset.feedback;
  }
}
