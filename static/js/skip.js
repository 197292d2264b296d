// The box in which a comparison is skipped, by key: open it, choose a reason by its number, leave it.
const box = document.querySelector("[data-skip]");

// back(): where the focus goes when the box closes.
export function skipActions({ back }) {
  return {
    skip: () => {
      if (!box) return false;
      box.open = !box.open;
      if (box.open) box.querySelector("input[type=radio]").focus();
      else back();
    },
    skipBecause: (number) => {
      const choice = box.querySelectorAll("input[type=radio]")[number - 1];
      choice?.focus();
      choice?.click();
    },
    leave: () => {
      box?.removeAttribute("open");
      back();
    },
  };
}
