// What pages gain with a script. Everything here is an extra: each page works without it.
import htmx from "htmx.org/dist/htmx.esm.js";
import { prepareLookups } from "./lookup.js";

window.htmx = htmx;

const on = (event, selector, act) =>
    document.addEventListener(event, (e) => {
        const found = e.target instanceof Element && e.target.closest(selector);
        if (found) act(found, e);
    });

// Dialogs are popovers without a script. With one they are modal: focus stays inside, the page behind is inert.
on("click", "[popovertarget][data-modal]", (button, event) => {
    const dialog = document.getElementById(button.getAttribute("popovertarget"));
    if (!(dialog instanceof HTMLDialogElement) || dialog.open) return;
    event.preventDefault();
    dialog.removeAttribute("popover");
    dialog.showModal();
});
on("click", "dialog[open] [data-close]", (button, event) => {
    event.preventDefault();
    button.closest("dialog").close();
});
on("click", "dialog[open]", (dialog, event) => {
    if (event.target === dialog) dialog.close();
});

// Menus close on a click elsewhere and on Escape, and give the focus back.
document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.cl-menu[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
    }
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
        for (const menu of document.querySelectorAll("details.cl-menu[open]")) {
            menu.open = false;
            menu.querySelector("summary").focus();
        }
    }
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        const search = [...document.querySelectorAll("[data-search-key]")].find((box) => box.offsetParent !== null);
        if (search) {
            event.preventDefault();
            search.focus();
        }
    }
});

// Light, dark or as the system is. The form posts without a script.
on("submit", "form[data-theme-form]", (form, event) => {
    event.preventDefault();
    const theme = event.submitter.value;
    document.documentElement.dataset.bsTheme = theme;
    for (const button of form.querySelectorAll("button[name=theme]")) {
        button.setAttribute("aria-pressed", String(button.value === theme));
    }
    fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), redirect: "manual" });
});

// Copy: the button is hidden until here, because it needs a script.
const revealCopyButtons = (root) => {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
};
on("click", "[data-copy]", async (button) => {
    const text = document.getElementById(button.dataset.copy).textContent;
    await navigator.clipboard.writeText(text);
    const label = button.querySelector("[data-copy-label]");
    const before = label.textContent;
    label.textContent = button.dataset.copied;
    setTimeout(() => (label.textContent = before), 1500);
});

// Lists: a change of a filter applies it; the box in the head marks every row; the bar says how many are marked.
on("change", "form[data-apply] select", (select) => select.form.requestSubmit());
const place = () => location.pathname + location.search;
let shown = place();
const exchange = async (part, address) => {
    part.setAttribute("aria-busy", "true");
    const url = new URL(address, location.href);
    await htmx.ajax("GET", url.pathname + url.search, { source: part, target: part, select: `#${part.id}`, swap: "outerHTML" });
    history.pushState(null, "", url);
    shown = place();
};
on("click", "[data-live] :is(.cl-sort, .cl-chip, .cl-pagination a)", (link, event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    exchange(link.closest("[data-live]"), link.href);
});
on("submit", "[data-live] form[data-apply]", (form, event) => {
    event.preventDefault();
    const filled = [...new FormData(form)].filter(([, value]) => value !== "");
    exchange(form.closest("[data-live]"), `?${new URLSearchParams(filled)}`);
});
let typing;
on("input", "[data-live] form[data-apply] input[type=search]", (box) => {
    clearTimeout(typing);
    typing = setTimeout(() => box.form?.requestSubmit(), 300);
});
window.addEventListener("popstate", () => {
    if (place() !== shown) location.reload(); // a jump within the page changes neither
});
on("change", "[data-pick-all]", (box) => {
    for (const row of box.closest("table").querySelectorAll("tbody .cl-pick input")) row.checked = box.checked;
    countMarked(box.closest("form"));
});
on("change", "tbody .cl-pick input", (box) => countMarked(box.closest("form")));
const countMarked = (form) => {
    if (!form) return;
    const rows = [...form.querySelectorAll("tbody .cl-pick input")];
    const marked = rows.filter((row) => row.checked).length;
    for (const place of form.querySelectorAll("[data-marked]")) place.textContent = String(marked);
    for (const all of form.querySelectorAll("[data-pick-all]")) {
        all.checked = marked > 0 && marked === rows.length;
        all.indeterminate = marked > 0 && marked < rows.length;
    }
};

// Toasts leave by their button, and after a while unless somebody reads them with the pointer or the keyboard.
on("click", "[data-dismiss]", (button) => button.closest("[data-toast]").remove());
const watchToasts = (root) => {
    for (const toast of root.querySelectorAll("[data-toast]:not([data-watched])")) {
        toast.dataset.watched = "";
        setInterval(() => {
            if (!toast.matches(":hover, :focus-within") && !toast.dataset.stay) toast.remove();
        }, 8000);
    }
};

const prepare = (root) => {
    document.documentElement.dataset.script = "";
    revealCopyButtons(root);
    watchToasts(root);
    prepareLookups(root);
    for (const form of root.querySelectorAll("form.cl-list-form")) countMarked(form);
};
document.addEventListener("DOMContentLoaded", () => prepare(document));
document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
