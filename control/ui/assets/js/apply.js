// What the form of an application gains with a script: fields that depend on others, and a proof of work, by which more
// applications are taken from one network. The form works without it.
const form = document.querySelector("form[data-application]");

function valuesOf(name) {
    return [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)]
        .filter((input) => (input.type !== "checkbox" && input.type !== "radio") || input.checked)
        .flatMap((input) => (input.value === "" ? [] : [input.value.trim().toLowerCase()]));
}

function holds(own, op, wanted) {
    const number = Number(wanted[0]);
    switch (op) {
        case "filled": return own.length > 0;
        case "empty": return own.length === 0;
        case "at_least": return own.some((value) => Number(value) >= number);
        case "at_most": return own.some((value) => Number(value) <= number);
        case "contains": return own.some((value) => wanted.some((part) => value.includes(part)));
        case "is_not": return !own.some((value) => wanted.includes(value));
        default: return own.some((value) => wanted.includes(value));
    }
}

function showFields() {
    for (const control of form.querySelectorAll("[data-cl-if]")) {
        const { clIf, clIfOp, clIfValues } = control.dataset;
        const wanted = (clIfValues || "").split("\n").map((value) => value.toLowerCase());
        control.closest(".cl-field").hidden = !holds(valuesOf(clIf), clIfOp, wanted);
    }
}

async function prove() {
    const { nonce, bits } = form.dataset;
    const encoder = new TextEncoder();
    for (let count = 0; count < 1_000_000; count += 1) {
        const digest = await crypto.subtle.digest("SHA-256", encoder.encode(`${nonce}:${count}`));
        if (new DataView(digest).getUint32(0) >>> (32 - Number(bits)) === 0) {
            form.elements["cl-proof"].value = String(count);
            return;
        }
    }
}

if (form) {
    showFields();
    form.addEventListener("input", showFields);
    form.addEventListener("input", () => {
        const body = new FormData();
        body.set("cl-opening", form.elements["cl-opening"].value);
        fetch(form.dataset.started, { method: "POST", body, keepalive: true });
        if (globalThis.crypto?.subtle) prove();
    }, { once: true });
}
