const api = process.env.NEXT_PUBLIC_API_URL;
const release = process.env.VERSION;

function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function order(product, button) {
  button.disabled = true;
  const response = await fetch(`${api}/api/orders/`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    // Made here, so that an order sent twice is one order.
    body: JSON.stringify({ id: `web-${Date.now()}-${Math.random().toString(36).slice(2)}`, product: product.id, quantity: 1 }),
  });
  button.textContent = response.ok ? "Ordered" : "Try again";
  button.disabled = response.ok;
}

function card(product) {
  const made = element("article", "");
  const button = element("button", "Order");
  button.addEventListener("click", () => order(product, button).catch(() => (button.disabled = false)));
  made.append(
    element("small", product.category ?? ""),
    element("h2", product.name),
    element("p", `€ ${product.price}`, "price"),
    button,
  );
  return made;
}

async function showProducts() {
  const main = document.getElementById("products");
  try {
    const response = await fetch(`${api}/api/products/`);
    if (!response.ok) throw new Error(`the shop answers ${response.status}`);
    const { products } = await response.json();
    main.replaceChildren(...products.map(card));
  } catch (error) {
    main.replaceChildren(element("p", `The products cannot be shown now (${error.message}).`, "failed"));
  }
}

function showSocket() {
  const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/ws`);
  const state = document.getElementById("socket");
  socket.addEventListener("open", () => socket.send("hello"));
  socket.addEventListener("message", ({ data }) => (state.textContent = `· live, answered by ${data.split(" ")[0]}`));
  socket.addEventListener("close", () => {
    state.textContent = "· reconnecting";
    setTimeout(showSocket, 1000);
  });
}

console.info(`release ${release}`);
showProducts();
showSocket();
