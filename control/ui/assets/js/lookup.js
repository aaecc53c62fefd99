// Look-ups: text fields that take a name or a number. htmx loads what fits into the list; arrows and Enter choose.
import htmx from "htmx.org/dist/htmx.esm.js";

const inputOf = (list) => list.parentElement.querySelector("input");
const listOf = (input) => document.getElementById(input.getAttribute("aria-controls"));
const optionsOf = (list) => [...list.querySelectorAll("[role=option]:not([aria-disabled=true])")];
const isOpen = (list) => !list.hidden;

const mark = (input, option) => {
    for (const other of optionsOf(listOf(input))) other.setAttribute("aria-selected", String(other === option));
    if (option) {
        input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
};
const show = (input, visible) => {
    listOf(input).hidden = !visible;
    input.setAttribute("aria-expanded", String(visible));
    if (!visible) mark(input, null);
};
const pick = (input, option) => {
    input.value = option.dataset.value;
    show(input, false);
    input.dispatchEvent(new Event("change", { bubbles: true }));
};

const keys = (input, event) => {
    const list = listOf(input);
    const options = optionsOf(list);
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!isOpen(list)) htmx.trigger(input, "lookup");
        else if (options.length) mark(input, options.at(event.key === "ArrowDown" ? (at + 1) % options.length : Math.max(at, 0) - 1));
    } else if (event.key === "Enter" && isOpen(list) && at >= 0) {
        event.preventDefault();
        pick(input, options[at]);
    } else if (event.key === "Escape" && isOpen(list)) {
        event.preventDefault();
        event.stopPropagation();
        show(input, false);
    }
};

export const prepareLookups = (root) => {
    for (const list of root.querySelectorAll(".cl-lookup-list:not([data-ready])")) {
        const input = inputOf(list);
        list.dataset.ready = "";
        input.setAttribute("aria-controls", list.id);
        input.setAttribute("aria-autocomplete", "list");
        input.setAttribute("aria-expanded", "false");
        input.setAttribute("role", "combobox");
        input.addEventListener("keydown", (event) => keys(input, event));
        input.addEventListener("blur", () => show(input, false));
        list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
        list.addEventListener("click", (event) => {
            const option = event.target.closest("[data-value]");
            if (option) pick(input, option);
        });
        list.addEventListener("htmx:afterSwap", () => {
            if (document.activeElement === input) show(input, true);
        });
    }
};
